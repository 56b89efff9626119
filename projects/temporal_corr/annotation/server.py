# Copyright (c) temporal_corr authors. All rights reserved.
"""The page and what it asks for, for a browser on this computer alone."""
import os.path as osp
from functools import partial
from typing import List, Literal, Tuple
from urllib.parse import quote

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field, FiniteFloat

from ..video_io.output_files import dumps
from .session import Conflict, Session

#: Bytes of a request: the labels of ten thousand frames.
MOST_BYTES = 32 << 20
PAGE = osp.join(osp.dirname(osp.abspath(__file__)), 'page')
HEADERS = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy':
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff'
}
#: How errors are told.
STATUS = ((Conflict, 409), (IndexError, 404), (ValueError, 422),
          (RequestValidationError, 422), (OSError, 507))


class Place(BaseModel):
    """A box in a frame."""
    frame: int = Field(ge=0)
    bbox: Tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class Pose(Place):
    """A labelled person in a frame, with COCO's visibility."""
    track_id: int = Field(ge=0, lt=2**31)
    keypoints: List[Tuple[FiniteFloat, FiniteFloat, Literal[0, 1, 2]]]


def refusal(request: Request, port: int, video: str) -> Tuple[int, str]:
    """Why a request is refused, status and words; 0 if it is not.

    Another site that resolves to this computer has another Host, and what it
    would write another Origin. A page of another video has another X-Video.
    """
    host = request.headers.get('host', '')
    if host not in (f'127.0.0.1:{port}', f'localhost:{port}'):
        return 403, f'Host {host!r:.80} is not this page'
    reads = request.method in ('GET', 'HEAD')
    if request.headers.get('x-video', video if reads else '') != video:
        return 410, 'The server shows another video now: reload this page'
    if reads:
        return 0, ''
    if request.headers.get('origin') != f'http://{host}':
        return 403, 'Origin is not this page'
    length = request.headers.get('content-length',
                                 '0' if request.method == 'DELETE' else '')
    if not length.isdigit():
        return 411, 'Content-Length is missing'
    if int(length) > MOST_BYTES:
        return 413, f'more than {MOST_BYTES >> 20} MB'
    return 0, ''


def make_app(session: Session, port: int) -> FastAPI:
    """The application that serves a session on this port."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware('http')
    async def guard(request, call_next):
        status, words = refusal(request, port, session.id)
        if status:
            return PlainTextResponse(words, status, HEADERS)
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    def tell(status, request, error):
        return PlainTextResponse(str(error), status)

    for kind, status in STATUS:
        app.add_exception_handler(kind, partial(tell, status))

    def answer(value):
        return Response(dumps(value), media_type='application/json')

    @app.get('/state')
    def state():
        return answer(session.describe())

    @app.get('/frames/{index}')
    def frame(index: int):
        if not 0 <= index < session.num_frames:
            raise IndexError(f'there is no frame {index}')
        return Response(session.frame(index), media_type='image/jpeg')

    @app.put('/labels')
    def save(poses: List[Pose], if_match: str = Header()):
        rows = [pose.model_dump() for pose in poses]
        return answer(dict(revision=session.save(rows, if_match)))

    @app.post('/pose')
    def pose(place: Place):
        return answer(session.pose_in(place.frame, list(place.bbox)))

    @app.post('/follow')
    def follow():
        session.follow()

    @app.delete('/follow')
    def stop():
        session.stop()

    @app.delete('/people/{identity}')
    def remove(identity: int):
        session.remove(identity)

    @app.get('/progress')
    def progress(since: int = 0):
        return answer(session.progress(since))

    @app.get('/suggestion')
    def suggestion():
        return answer(session.suggestion())

    @app.get('/export')
    def export(predictions: bool = False):
        name = quote(session.source.stem +
                     ('_poses.json' if predictions else '_labels.json'))
        return Response(
            session.coco(predictions),
            media_type='application/json',
            headers={
                'Content-Disposition': f"attachment; filename*=UTF-8''{name}"
            })

    app.mount('/', StaticFiles(directory=PAGE, html=True))
    return app
