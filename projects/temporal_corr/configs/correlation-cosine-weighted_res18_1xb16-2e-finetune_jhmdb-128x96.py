# Maps weighted by confidence were an option until 0.1 (CHANGELOG.md): commands
# that name this file get the model with the same parameters, unweighted.
_base_ = './resnet/correlation-cosine_res18_1xb16-2e-finetune_jhmdb-128x96.py'
