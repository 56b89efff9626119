# Copyright (c) temporal_corr authors. All rights reserved.
"""The page and what it asks for, for a browser on this computer alone."""
from functools import partial
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Body, FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles

from ..video_io.output_files import dumps
from .session import Session

#: Bytes of a request: the labels of ten thousand frames.
MOST_BYTES = 32 << 20
HEADERS = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy':
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff'
}
#: How errors are told.
STATUS = ((FileExistsError, 409), (IndexError, 404), (TypeError, 422),
          (ValueError, 422), (OSError, 507))
#: What of a session the page may call.
Method = Literal['describe', 'save', 'pose_in', 'follow', 'stop', 'remove',
                 'progress', 'suggestion']


def make_app(session: Session) -> FastAPI:
    """The application that serves a session, below ``session.token``."""
    app = FastAPI(openapi_url=None)
    page = APIRouter(prefix=f'/{session.token}')
    app.add_middleware(
        TrustedHostMiddleware, allowed_hosts=['127.0.0.1', 'localhost'])

    def tell(status, request, error):
        return PlainTextResponse(str(error), status)

    for kind, status in STATUS:
        app.add_exception_handler(kind, partial(tell, status))

    @app.exception_handler(404)
    def missing(request, error):
        return tell(404, request, 'Nothing is here: does the server show '
                    'another video now? Open the address that it printed')

    @app.middleware('http')
    async def guard(request, call_next):
        if int(request.headers.get('content-length', 0)) > MOST_BYTES:
            response = tell(413, request, f'more than {MOST_BYTES >> 20} MB')
        else:
            response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    # One after the other, as the session wants it: these are not threads.
    @page.post('/{method}')
    async def call(method: Method, arguments: list = Body()):
        value = getattr(session, method)(*arguments)
        return Response(dumps(value), media_type='application/json')

    @page.get('/frames/{index}')
    async def frame(index: int):
        return Response(session.frame(index), media_type='image/jpeg')

    @page.get('/export')
    async def export(predictions: bool = False):
        text = session.coco(session.poses(predictions))
        return Response(text, media_type='application/json')

    app.include_router(page)
    files = StaticFiles(directory=Path(__file__).parent / 'page', html=True)
    app.mount(f'/{session.token}', files)
    return app
