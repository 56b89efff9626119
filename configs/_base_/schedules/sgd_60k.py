# The paper's schedule: "We set batch size to 20 and use stochastic gradient
# descent with momentum of 0.9 and weight decay of 0.0005 as in [21]". Counted
# in iterations; the leaf takes batch_size and says when the rates fall.
_base_ = '../default_runtime.py'

# 20 clips an iteration in total, dealt out to the GPUs of the launcher
# (torchrun and tools/slurm_train.sh set WORLD_SIZE):
#   1 GPU x 20 = 20, 2 x 10 = 20, 4 x 5 = 20
#   8 GPUs x 3 = 24, as 20 / 8 = 2.5 is no number of clips; the rates grow to
#   24 / 20 of those below (auto_scale_lr).
batch_size = -(-20 // int('{{$WORLD_SIZE:1}}'))
auto_scale_lr = dict(enable=True, base_batch_size=20)

train_cfg = dict(
    type='IterBasedTrainLoop', max_iters=60000, val_interval=5000)

# "The initial learning rate is 2x10^-5 for the feature extractor and Stage
# 1, and 8x10^-5 for other stages as well as the added convolutional filters."
# As OpenPose, biases learn at twice the rate of their layer and do not decay.
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=2e-5, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        bias_lr_mult=2.,
        bias_decay_mult=0.,
        custom_keys={
            # Stages 2 to 6. A key stands for the names that hold it; the
            # longest wins, and it replaces the multipliers of biases.
            **{f'head.stage{i}.': dict(lr_mult=4.) for i in range(2, 7)},
            **{
                f'stage{i}_L{j}.bias': dict(lr_mult=8., decay_mult=0.)
                for i in range(2, 7) for j in (1, 2)
            },
            # The added filters of all stages, and the scale layer in front
            # of them, for which the paper gives no rate of its own.
            'maps_conv': dict(lr_mult=4.),
            'center_conv': dict(lr_mult=4.),
            'head.correlation.scale': dict(lr_mult=4.),
            'head.correlation.bias': dict(lr_mult=8., decay_mult=0.),
            'head.previous_heatmaps.scale': dict(lr_mult=4.),
            'head.previous_heatmaps.bias': dict(lr_mult=8., decay_mult=0.),
        }))

default_hooks = dict(checkpoint=dict(by_epoch=False, interval=1000))
log_processor = dict(by_epoch=False)
