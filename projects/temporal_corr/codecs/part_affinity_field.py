# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional, Sequence, Tuple

import numpy as np
from mmpose.registry import KEYPOINT_CODECS
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from .background_heatmap import BackgroundHeatmap
from .heatmap_peaks import find_peaks, heatmap_maxima
from .part_affinity_targets import MPI_LIMBS, part_affinity_fields
from .person_assembly import (candidate_pairs, connect, group_people,
                              score_limbs)


@KEYPOINT_CODECS.register_module()
class PartAffinityField(BackgroundHeatmap):
    """Represent people as heatmaps of their parts and fields of their limbs,
    as the paper's baseline, "Realtime Multi-Person 2D Pose Estimation using
    Part Affinity Fields", https://arxiv.org/abs/1611.08050.

    Encoded, for K keypoints, L limbs and maps of [w, h]:

        - heatmaps (np.ndarray): Heatmaps of the parts, then of the
          background, in shape (K + 1, h, w)
        - pafs (np.ndarray): Fields in shape (2 * L, h, w): x and y of the
          first limb, of the second, and so on
        - keypoint_weights (np.ndarray): Target weights in shape (1, K), 0
          for a part that is unlabelled for one of the people in the input

    Cell g of a map is centred on the input pixel ``stride * g + (stride - 1)
    / 2``: the average of the pixels that it covers. (OpenPose draws its
    heatmaps so, but its fields as if cell g was centred on pixel ``stride *
    g``.)

    Decoding finds the peaks of the heatmaps between the cells, scores all
    pairs of peaks that might be a limb by the integral of its field along
    the line between them, takes the best pairs of each limb, and assembles
    those that share a peak to people. The defaults are those of the Matlab
    code that was released for evaluation.

    Args:
        input_size (tuple): Input size in [W, H]. Defaults to (368, 368)
        heatmap_size (tuple): Heatmap size in [w, h]. Defaults to (46, 46)
        sigma (float): Standard deviation of the Gaussians in input pixels.
            Defaults to 7.0
        limb_width (float): How far to its sides a limb reaches, in cells.
            Defaults to 1.0
        limbs (Sequence[Tuple[int, int]]): The two parts of each limb. No
            cycles. Defaults to the 14 limbs of the MPI model
        num_keypoints (int): K. Defaults to 15
        limb_overhang (float): How far beyond its ends a limb reaches, in
            cells: 0 in the paper of Cao et al, 1 in the released code.
            Defaults to 1.0
        peak_threshold (float): A peak of a heatmap is higher than this.
            Defaults to 0.05
        peak_radius (float): Of two peaks of a part that are nearer than
            this, in input pixels, the lower one is dropped. Peaks are never
            nearer than a cell. Defaults to 6.0
        max_peaks (int): The number of peaks of a part to keep, the highest.
            Defaults to 32
        num_samples (int): Number of samples along a limb. Defaults to 10
        sample_threshold (float): A sample, projected on the direction of
            the limb, above this supports the limb. Defaults to 0.01
        sample_ratio (float): More than this share of the samples must
            support a limb. Defaults to 0.7
        distance_prior (float, optional): Limbs longer than this share of
            the input's height lose score, ``distance_prior * H / length -
            1``. Defaults to 0.5
        min_parts (int): The fewest parts of a person. Defaults to 3
        min_score (float): The least score of a person: the scores of its
            peaks and limbs, summed, per part. Defaults to 0.1
    """

    field_mapping_table = dict(heatmaps='heatmaps', pafs='pafs')
    #: To be told the centres, too, by :meth:`batch_decode`.
    support_batch_decoding = True

    def __init__(self,
                 input_size: Tuple[int, int] = (368, 368),
                 heatmap_size: Tuple[int, int] = (46, 46),
                 sigma: float = 7.,
                 limb_width: float = 1.,
                 limbs: Sequence[Tuple[int, int]] = MPI_LIMBS,
                 num_keypoints: int = 15,
                 limb_overhang: float = 1.,
                 peak_threshold: float = 0.05,
                 peak_radius: float = 6.,
                 max_peaks: int = 32,
                 num_samples: int = 10,
                 sample_threshold: float = 0.01,
                 sample_ratio: float = 0.7,
                 distance_prior: Optional[float] = 0.5,
                 min_parts: int = 3,
                 min_score: float = 0.1) -> None:
        super().__init__(input_size, heatmap_size, sigma)
        self.limb_width = limb_width
        self.limbs = np.array(limbs)
        self.num_keypoints = num_keypoints
        self.limb_overhang = limb_overhang
        self.peak_threshold = peak_threshold
        self.peak_radius = peak_radius
        self.max_peaks = max_peaks
        self.num_samples = num_samples
        self.sample_threshold = sample_threshold
        self.sample_ratio = sample_ratio
        self.distance_prior = distance_prior
        self.min_parts = min_parts
        self.min_score = min_score
        group = np.arange(num_keypoints)
        for first, second in self.limbs:
            if group[first] == group[second]:
                raise ValueError(
                    f'limb ({first}, {second}) closes a cycle: leave it out')
            group[group == group[second]] = group[first]

    def encode(self,
               keypoints: np.ndarray,
               keypoints_visible: Optional[np.ndarray] = None) -> dict:
        """Encode the keypoints of N people in input pixels, (N, K, 2). A part
        whose visibility (N, K) is below 0.5 is unlabelled: it is not drawn,
        nor are its limbs, and its weight is 0."""
        keypoints = np.asarray(keypoints, dtype=np.float64)
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2])
        visible = np.asarray(keypoints_visible) >= 0.5
        # Pixels are squares around whole numbers.
        inside = (keypoints >= -0.5) & (
            keypoints <= np.array(self.input_size) - 0.5)
        # Who is outside of the crop altogether takes nothing from the others.
        counted = (visible & inside.all(axis=-1)).any(axis=1)
        counted |= not counted.any()
        pafs = part_affinity_fields(
            (keypoints - self.cell_origin) / self.scale_factor, visible,
            self.limbs, self.heatmap_size, self.limb_width,
            self.limb_overhang)
        return dict(
            heatmaps=self._heatmaps(keypoints, visible),
            pafs=pafs.astype(np.float32),
            keypoint_weights=visible[counted].all(
                axis=0, keepdims=True).astype(np.float32))

    def decode(
        self,
        encoded: np.ndarray,
        center: Optional[np.ndarray] = None
    ) -> Tuple[np.ndarray, Tuple[np.ndarray, np.ndarray]]:
        """Decode one person.

        "During testing, if the detected keypoints are assembled into more
        than one persons, the one that is closest to the ground truth person
        center is chosen as the final prediction" (Section 4): the one whose
        assembled joints are on average closest to it.

        Args:
            encoded (np.ndarray): Heatmaps, then fields, in shape
                (K + 1 + 2 * L, h, w)
            center (np.ndarray, optional): Centre of the person in input
                pixels, (2, ). Defaults to the middle of the input

        Returns:
            tuple: Keypoints (1, K, 2) in input pixels, and (scores,
            assembled), (1, K) each: the values of the heatmaps, and 1 for a
            joint that was assembled, 0 for the maximum of its heatmap.
        """
        people, people_scores, _ = self.decode_people(encoded)
        if center is None:
            center = (np.array(self.input_size) - 1) / 2
        if len(people):
            means = np.nanmean(people, axis=1)
            closest = np.argmin(((means - center)**2).sum(axis=-1))
            keypoints, scores = people[closest], people_scores[closest]
        else:
            keypoints = np.full((self.num_keypoints, 2), np.nan, np.float32)
            scores = np.zeros(self.num_keypoints, np.float32)
        assembled = ~np.isnan(keypoints[:, 0])
        if not assembled.all():
            heatmaps = np.asarray(encoded[:self.num_keypoints], np.float32)
            positions, scores[~assembled] = heatmap_maxima(
                heatmaps[~assembled], self.sigma / self.scale_factor)
            keypoints[~assembled] = self._to_pixels(positions)
        return keypoints[None], (scores[None],
                                 assembled[None].astype(np.float32))

    def batch_decode(
        self,
        batch_encoded: Tensor,
        centers: Optional[Tensor] = None
    ) -> Tuple[Sequence[np.ndarray], Tuple[Sequence, Sequence]]:
        """:meth:`decode` one person of each of B inputs, with ``centers``
        in shape (B, 2)."""
        batch = to_numpy(batch_encoded)
        middle = [None] * len(batch)
        keypoints, scores = zip(*map(
            self.decode, batch,
            middle if centers is None else to_numpy(centers)))
        return keypoints, tuple(zip(*scores))

    def decode_people(
            self, encoded: np.ndarray
    ) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Decode all people: keypoints (M, K, 2) in input pixels and values
        of the heatmaps (M, K), NaN and 0 where a joint was not assembled, and
        scores of the people (M, ), descending."""
        encoded = np.asarray(encoded, dtype=np.float32)
        heatmaps = encoded[:self.num_keypoints]
        pafs = encoded[self.num_keypoints + 1:]
        parts, positions, scores = find_peaks(
            heatmaps, self.peak_threshold,
            self.peak_radius / self.scale_factor, self.max_peaks,
            self.sigma / self.scale_factor)
        limb, first, second = candidate_pairs(parts, self.limbs)
        start, end = positions[first], positions[second]
        limb_score, support = score_limbs(pafs, limb, start, end,
                                          self.num_samples,
                                          self.sample_threshold)
        if self.distance_prior is not None:
            offset = np.abs(end - start) * self.scale_factor
            reach = self.distance_prior * self.input_size[1]
            length = np.maximum(np.hypot(*offset.T), reach)
            limb_score += reach / length - 1
        likely = np.nonzero((support > self.sample_ratio) & (limb_score > 0))
        chosen = likely[0][connect(limb[likely], first[likely],
                                   second[likely], limb_score[likely])]
        peaks, person_scores = group_people(
            parts, scores, first[chosen], second[chosen], limb_score[chosen],
            self.num_keypoints, self.min_parts, self.min_score)
        keypoints = np.full((*peaks.shape, 2), np.nan, np.float32)
        people_scores = np.zeros(peaks.shape, np.float32)
        found = peaks >= 0
        keypoints[found] = self._to_pixels(positions[peaks[found]])
        people_scores[found] = scores[peaks[found]]
        return keypoints, people_scores, person_scores.astype(np.float32)
