# Copyright (c) temporal_corr authors. All rights reserved.
"""The models that come with the repository, by name."""
from functools import lru_cache
from pathlib import Path
from typing import Dict, Tuple

import yaml

#: The model that the demo runs where none is named.
DEFAULT_MODEL = 'movenet-lightning'
ROOT = Path(__file__).resolve().parents[3]


@lru_cache(maxsize=None)
def released_models() -> Dict[str, Tuple[str, str]]:
    """Paths of config and checkpoint of each released model by its name, the
    ``Alias`` in the model index."""
    index = ROOT / 'projects/temporal_corr/metafile.yml'
    models = yaml.safe_load(index.read_text(encoding='utf-8'))['Models']
    return {
        model['Alias']:
        (str(ROOT / model['Config']), str(ROOT / model['Weights']))
        for model in models if 'Alias' in model
    }
