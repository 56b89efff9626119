# Copyright (c) temporal_corr authors. All rights reserved.
"""From peaks and part affinity fields to people, as pure functions.

Shapes: P peaks of all parts, L limbs, Q pairs of peaks that might be a limb,
C connections (those of the pairs that are taken), M people. Positions are in
cells: the centre of cell g is at g.
"""
from typing import Tuple

import numpy as np


def candidate_pairs(parts: np.ndarray, limbs: np.ndarray
                    ) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of peaks that are the two ends of a limb: the limb of each
    pair, ascending, and the peaks at which it starts and ends, (Q, ) each.

    Args:
        parts (np.ndarray): The part of each peak in shape (P, ), ascending.
        limbs (np.ndarray): First and second part of each limb, (L, 2).
    """
    begin = np.searchsorted(parts, limbs)
    count = np.searchsorted(parts, limbs, side='right') - begin
    pairs = count.prod(axis=1)
    limb = np.repeat(np.arange(len(limbs)), pairs)
    # number of the pair within its limb
    number = np.arange(len(limb)) - np.repeat(pairs.cumsum() - pairs, pairs)
    start, end = np.divmod(number, count[limb, 1])
    return limb, begin[limb, 0] + start, begin[limb, 1] + end


def score_limbs(pafs: np.ndarray, limb: np.ndarray, start: np.ndarray,
                end: np.ndarray, num_samples: int, threshold: float
                ) -> Tuple[np.ndarray, np.ndarray]:
    """The line integral of the field of a limb between two peaks.

    The field (2 * L, h, w) is sampled at equal distances from one peak to the
    other, both included, bilinearly between cells, and projected on the
    direction of the pair. ``limb`` is that of each pair (Q, ), ``start`` and
    ``end`` are its ends, (Q, 2) each.

    Returns:
        tuple[np.ndarray]: The mean of the samples, 1 for a perfect field, 0
        for a pair of peaks at the same place, and the share of the samples
        above the threshold, (Q, ) each.
    """
    # Vectors are complex numbers x + iy. The pairs are the last dimension,
    # as there are many more of them than samples.
    start, vector = (
        points.astype(np.float32) @ np.array([1, 1j], np.complex64)
        for points in (start, end - start))
    length = np.abs(vector)
    unit = vector / np.where(length > 0, length, 1)
    step = np.arange(num_samples, dtype=np.float32)[:, None] / (
        np.float32(num_samples - 1))
    samples = _bilinear(pafs[::2] + 1j * pafs[1::2], limb,
                        start + step * vector)
    samples = samples.real * unit.real + samples.imag * unit.imag
    return (samples.sum(axis=0, dtype=np.float32).astype(np.float64) /
            num_samples, (samples > threshold).mean(axis=0))


def _bilinear(fields: np.ndarray, limb: np.ndarray,
              points: np.ndarray) -> np.ndarray:
    """Values of fields (L, h, w) at complex points (S, Q) of limbs (Q, )."""
    height, width = fields.shape[1:]
    x = np.clip(points.real, 0, width - 1)
    y = np.clip(points.imag, 0, height - 1)
    column = np.minimum(np.floor(x), width - 2)
    row = np.minimum(np.floor(y), height - 2)
    right, down = x - column, y - row
    cell = (row * width + column).astype(np.intp) + limb * (height * width)
    values = fields.ravel()
    top, bottom = (
        values.take(left) * (1 - right) + values.take(left + 1) * right
        for left in (cell, cell + width))
    return top * (1 - down) + bottom * down


def connect(limb: np.ndarray, first: np.ndarray, second: np.ndarray,
            score: np.ndarray) -> np.ndarray:
    """Greedy choice of pairs, limb by limb, the best one first, of equal ones
    the first: indices (C, ) into the pairs, so that a peak is in one pair of
    each limb at most."""
    order = np.lexsort((-score, limb))
    chosen, taken = [], set()
    for pair, *ends in zip(order.tolist(), limb[order].tolist(),
                           first[order].tolist(), second[order].tolist()):
        start, end = (ends[0], ends[1]), (ends[0], ends[2])
        if start not in taken and end not in taken:
            taken.update((start, end))
            chosen.append(pair)
    return np.array(chosen, dtype=np.int64)


def group_people(parts: np.ndarray, scores: np.ndarray, first: np.ndarray,
                 second: np.ndarray, limb_scores: np.ndarray,
                 num_keypoints: int, min_parts: int, min_score: float
                 ) -> Tuple[np.ndarray, np.ndarray]:
    """Connected peaks are a person, with at least so many parts and score.

    As the limbs are a tree, and a peak has one connection of each limb at
    most, no person gets two peaks of the same part.

    Args:
        parts, scores (np.ndarray): Part and score of each peak, (P, ) each.
        first, second (np.ndarray): The peaks at the ends of each connection,
            (C, ) each.
        limb_scores (np.ndarray): Score of each connection in shape (C, ).
        num_keypoints (int): K.

    Returns:
        tuple[np.ndarray]: The peak of each part of each person (M, K), -1
        where it has none, the person with the highest score first; scores of
        peaks and connections, summed, per part, (M, ).
    """
    group = np.arange(len(parts))
    for start, end in zip(first, second):
        group[group == group[end]] = group[start]
    size = np.bincount(group, minlength=len(parts))
    total = np.bincount(group, scores, minlength=len(parts))
    total += np.bincount(group[first], limb_scores, minlength=len(parts))
    mean = total / np.maximum(size, 1)
    people = np.nonzero((size >= min_parts) & (mean >= min_score))[0]
    people = people[np.argsort(-mean[people], kind='stable')]
    peaks = np.full((len(people), num_keypoints), -1)
    person, peak = np.nonzero(people[:, None] == group)
    peaks[person, parts[peak]] = peak
    return peaks, mean[people]
