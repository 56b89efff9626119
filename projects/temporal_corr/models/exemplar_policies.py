# Copyright (c) temporal_corr authors. All rights reserved.
"""When an exemplar is renewed, and by what.

The paper renews all exemplars with every frame ("previous"). An exemplar of
a wrong prediction then searches for the wrong thing in the next frame. The
other policies keep what can be trusted. Each is a pure function of the value
so far, the exemplars of the current frame and the confidence in each of
them, and returns a value of the same size: constant memory per person.

Shapes: N samples, P keypoints, C channels, K exemplars a keypoint.

============  ==========================================================
name          shape
============  ==========================================================
exemplars     (N, P, C) unit vectors, zero for a keypoint never seen
confidence    (N, P), the peaks of the heatmaps, 0 for one never seen
value         dict(exemplars=(N, P, K, C), confidence=(N, P, K))
============  ==========================================================

A value of zeros means that nothing is remembered, so that every policy
begins by taking what it is given. Confidence in a prediction is at most 1;
a keypoint that a person has labelled comes with :data:`LABELLED`, which every
policy takes; all but ``average``, and ``gated`` with an ``agreement``, keep
it against predictions.
"""
from functools import partial
from typing import Callable, Dict, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

#: Confidence in a label: more than in any prediction.
LABELLED = 1e3

Value = Dict[str, Tensor]
Policy = Callable[[Optional[Value], Tensor, Tensor], Value]


def forget(old: Value, new: Value) -> Value:
    """Remember nothing: every frame is predicted alone.

    Args:
        old (dict): Value so far, K = 1.
        new (dict): Value of the current frame, K = 1.

    Returns:
        dict: A value of zeros.
    """
    return {name: torch.zeros_like(part) for name, part in new.items()}


def keep_first(old: Value, new: Value, threshold: float = 0.) -> Value:
    """Keep the first exemplar that was found with enough confidence.

    Until there is one, the best so far stands in for it.

    Args:
        old (dict): Value so far, K = 1.
        new (dict): Value of the current frame, K = 1.
        threshold (float): Confidence from which on an exemplar is kept for
            good. Defaults to 0.

    Returns:
        dict: The new value.
    """
    trusted = (old['confidence'] >= threshold) & (old['confidence'] > 0)
    renew = ~trusted & (new['confidence'] >= old['confidence'])
    return _renew(renew | (new['confidence'] >= LABELLED), old, new)


def average(old: Value, new: Value, momentum: float = 0.9) -> Value:
    """Moving average of the exemplars, of unit length.

    Args:
        old (dict): Value so far, K = 1.
        new (dict): Value of the current frame, K = 1.
        momentum (float): Weight of the value so far. Defaults to 0.9.

    Returns:
        dict: The new value.
    """
    # Whatever is seen for the first time is taken as it is.
    # Of two numbers an exported where would make a double.
    share = torch.full_like(old['confidence'], momentum)
    share = torch.where(old['confidence'] > 0, share, torch.zeros_like(share))
    share = torch.where(new['confidence'] > 0, share, torch.ones_like(share))
    share = share * (new['confidence'] < LABELLED)
    mixed = _mix(share, old, new)
    return dict(
        exemplars=F.normalize(mixed['exemplars'], dim=-1),
        confidence=mixed['confidence'])


def weighted_average(old: Value, new: Value, decay: float = 1.) -> Value:
    """Average of all exemplars so far, weighted by squared confidence.

    Args:
        old (dict): Value so far, K = 1; its confidence is the root of the
            sum of the weights.
        new (dict): Value of the current frame, K = 1.
        decay (float): What is left of a weight after one frame. Defaults
            to 1.

    Returns:
        dict: The new value.
    """
    past, now = old['confidence']**2 * decay, new['confidence']**2
    total = past + now
    share = past / total.masked_fill(total == 0, 1)
    mixed = _mix(share, old, new)
    return dict(
        exemplars=F.normalize(mixed['exemplars'], dim=-1),
        confidence=total.sqrt())


def gated(old: Value,
          new: Value,
          threshold: float = 1.,
          decay: float = 1.,
          agreement: float = 2.) -> Value:
    """Renew an exemplar only by one that can be trusted.

    That is one found with more confidence than ``threshold``, or with at
    least the confidence of the one so far, or one that is like it.

    Args:
        old (dict): Value so far, K = 1.
        new (dict): Value of the current frame, K = 1.
        threshold (float): Confidence beyond which one always suffices.
            Defaults to 1: that of no prediction does.
        decay (float): What is left of the confidence in an exemplar after
            one frame, so that none is kept for ever. Defaults to 1.
        agreement (float): Cosine to the exemplar so far that suffices.
            Defaults to 2: none does.

    Returns:
        dict: The new value.
    """
    old = dict(old, confidence=old['confidence'] * decay)
    cosine = (old['exemplars'] * new['exemplars']).sum(dim=-1)
    enough = (new['confidence'] > threshold) | (cosine >= agreement) | (
        new['confidence'] >= old['confidence'])
    return _renew(enough & (new['confidence'] > 0), old, new)


def bank(old: Value, new: Value, decay: float = 1.) -> Value:
    """Keep the K exemplars that were found with most confidence.

    Args:
        old (dict): Value so far, with K exemplars a keypoint.
        new (dict): Value of the current frame, K = 1.
        decay (float): What is left of the confidence in an exemplar after
            one frame. Defaults to 1.

    Returns:
        dict: The new value.
    """
    size = old['confidence'].shape[-1]
    confidence = torch.cat([old['confidence'] * decay, new['confidence']], -1)
    exemplars = torch.cat([old['exemplars'], new['exemplars']], dim=-2)
    confidence, kept = confidence.topk(size, dim=-1)
    kept = kept[..., None].expand(*kept.shape, exemplars.shape[-1])
    return dict(
        exemplars=exemplars.gather(-2, kept), confidence=confidence)


POLICIES = dict(
    none=forget,
    fixed=keep_first,
    average=average,
    weighted_average=weighted_average,
    gated=gated,
    bank=bank)


def build_policy(memory: Optional[dict]) -> Optional[Policy]:
    """The policy of ``test_cfg.memory``.

    Args:
        memory (dict, optional): ``policy`` and its arguments, such as
            ``dict(policy='gated', decay=0.98)``; for ``bank`` also
            ``size``, the number K of exemplars a keypoint (4).

    Returns:
        Callable | None: A function of the value so far (None for none),
        exemplars (N, P, C) and confidence (N, P); None for ``'previous'``,
        whose value is the exemplars themselves.

    Raises:
        ValueError: If there is no such policy, or an argument does not fit.
    """
    arguments = dict(memory or {})
    name = arguments.pop('policy', 'previous')
    if name == 'previous' and not arguments:
        return None
    if name not in POLICIES:
        raise ValueError(
            f'test_cfg.memory={memory}: the policy must be one of '
            f'{", ".join(["previous (without arguments)", *POLICIES])}')
    size = arguments.pop('size', 4) if name == 'bank' else 1
    if not isinstance(size, int) or size < 1:
        raise ValueError(f'test_cfg.memory.size must be a positive integer, '
                         f'got {size!r}')
    function = partial(POLICIES[name], **arguments)
    empty = _as_value(torch.zeros(1, 1, 1), torch.zeros(1, 1), size)
    try:
        function(empty, _as_value(torch.ones(1, 1, 1), torch.ones(1, 1), 1))
    except TypeError as error:
        raise ValueError(f'test_cfg.memory={memory}: {error}') from None
    return partial(_update, function, size)


def _update(function: Callable, size: int, old: Optional[Value],
            exemplars: Tensor, confidence: Tensor) -> Value:
    """Apply a policy; what is remembered of nobody is a value of zeros."""
    confidence = confidence.clamp(min=0) * (exemplars != 0).any(dim=-1)
    # Seen without any confidence is not seen.
    exemplars = exemplars * (confidence > 0)[..., None]
    new = _as_value(exemplars, confidence, 1)
    if old is None:
        old = _as_value(
            torch.zeros_like(exemplars), torch.zeros_like(confidence), size)
    return function(old, new)


def _as_value(exemplars: Tensor, confidence: Tensor, size: int) -> Value:
    """Exemplars (N, P, C) and confidence (N, P), repeated K times."""
    return dict(
        exemplars=exemplars[:, :, None].repeat(1, 1, size, 1),
        confidence=confidence[:, :, None].repeat(1, 1, size))


def _renew(renew: Tensor, old: Value, new: Value) -> Value:
    """The new exemplars where ``renew`` (N, P, K), the old elsewhere."""
    return dict(
        exemplars=torch.where(renew[..., None], new['exemplars'],
                              old['exemplars']),
        confidence=torch.where(renew, new['confidence'], old['confidence']))


def _mix(share: Tensor, old: Value, new: Value) -> Value:
    """Old times ``share`` (N, P, K), plus new times the rest."""
    mixed = {}
    for name, weight in dict(
            exemplars=share[..., None], confidence=share).items():
        mixed[name] = weight * old[name] + (1 - weight) * new[name]
    return mixed
