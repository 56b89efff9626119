# Guided better by labelled frames: a network that is trained whole fits its
# training data without a memory, and relies on the maps where it must.
_base_ = './correlation-cosine_movenet-lightning_1xb16-8e-unfrozen_jhmdb-192x192.py'  # noqa: E501
model = dict(head=dict(feature_dropout=0.3))
