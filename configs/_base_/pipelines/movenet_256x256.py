# As movenet_192x192.py, for larger crops.
_base_ = './movenet_192x192.py'
codec = dict(input_size=(256, 256), heatmap_size=(64, 64))
decoder = codec
train_pipeline = _base_.train_pipeline
val_pipeline = _base_.val_pipeline
for _step in (*train_pipeline[0]['transforms'], *val_pipeline):
    if 'input_size' in _step:
        _step['input_size'] = codec['input_size']
    if 'encoder' in _step:
        _step['encoder'].update(codec)
del _step
