# What so small a model, with so short a schedule, needs to use its maps. The
# defaults are the paper's: inner products, a scale of 1 and filters of 0.01.
_base_ = './correlation_res18_1xb16-2e-finetune_jhmdb-128x96.py'
model = dict(
    head=dict(
        temporal=dict(
            # The features of every location are normalised, too.
            normalize=True,
            # Maps of about unit size and mean zero: a cosine is about 0.6.
            scale_init=10.,
            bias_init=-6.),
        # Filters as large as those of the features.
        maps_std=0.3))
