# MMPose's schedule for JHMDB: Adam, 20 epochs, divided by 10 after 8 and 15.
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)

optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4))

param_scheduler = [
    dict(
        type='LinearLR', begin=0, end=500, start_factor=0.001,
        by_epoch=False),
    dict(
        type='MultiStepLR',
        begin=0,
        end=20,
        milestones=[8, 15],
        gamma=0.1,
        by_epoch=True)
]

# lr 5e-4 is meant for 8 GPUs x 32 clips = 256 samples an iteration. With
# another number, --auto-scale-lr scales it: 1 GPU x 32 gives 6.25e-5.
auto_scale_lr = dict(base_batch_size=256)
