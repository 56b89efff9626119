# The features of every location are normalised, too. The filters of the maps
# begin as gently as the paper's (0.01); with 0.05 and a scale of 5 the first
# iterations destroy what the network knows.
_base_ = './correlation_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py'
model = dict(head=dict(temporal=dict(normalize=True, scale_init=3.)))
