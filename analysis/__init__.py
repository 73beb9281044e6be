"""Invariants and scores: arrays in, frozen results out; truth and reconstruction go through the same code."""

from .embedding.averaged_false_neighbours import AveragedFalseNeighbours, averaged_false_neighbours
from .embedding.choose_embedding import Embedding, choose_embedding
from .embedding.delays import delay_embed, delay_embed_columns
from .embedding.false_nearest_neighbours import false_nearest_neighbours
from .embedding.pecuzal import NonUniformEmbedding, pecuzal
from .geometry.correlation_dimension import CorrelationDimension, correlation_dimension
from .geometry.correlation_sum import CorrelationSum, correlation_sum
from .geometry.diagram_distance import diagram_distance
from .geometry.energy_distance import energy_distance
from .geometry.generalised_dimensions import GeneralisedDimensions, generalised_dimensions
from .geometry.hausdorff_distance import hausdorff_distance
from .geometry.maximum_mean_discrepancy import maximum_mean_discrepancy, mmd
from .geometry.persistence import PersistenceDiagram, persistence_diagram, persistence_distance
from .geometry.power_spectrum_error import d_h, power_spectrum_error
from .geometry.recurrence import RecurrenceQuantification, recurrence_quantification
from .geometry.return_map import ReturnMap, return_map, return_map_distance
from .geometry.sections import PoincareSection, poincare_section
from .geometry.sinkhorn_divergence import sinkhorn_divergence
from .geometry.sliced_wasserstein import sliced_wasserstein
from .geometry.state_space_divergence import d_stsp, state_space_divergence
from .geometry.state_space_divergence_gmm import state_space_divergence_gmm
from .geometry.state_space_hellinger import state_space_hellinger
from .geometry.state_space_jensen_shannon import state_space_jensen_shannon
from .geometry.successive_maxima import SuccessiveMaxima, successive_maxima
from .geometry.support_overlap import support_overlap
from .lyapunov.conditional_exponents import conditional_exponents
from .lyapunov.covariant_vectors import CovariantVectors, covariant_vectors
from .lyapunov.from_data import DivergenceCurve, divergence_curve, max_lyapunov_from_data
from .lyapunov.kantz_curve import kantz_curve
from .lyapunov.kaplan_yorke import kaplan_yorke_dimension
from .lyapunov.local_exponents import LocalExponents, local_exponents
from .lyapunov.member_exponents import MemberExponents, member_exponents
from .lyapunov.pesin_entropy import pesin_entropy
from .lyapunov.spectrum import LyapunovSpectrum, lyapunov_spectrum
from .lyapunov.spectrum_checks import SpectrumCheck, check_spectrum
from .piecewise_linear.bifurcations import Bifurcations, Branch, Event, bifurcations
from .piecewise_linear.cycles import cycles
from .piecewise_linear.fixed_points import fixed_points
from .piecewise_linear.flow_orbits import orbits_from_returns
from .piecewise_linear.manifolds import Manifold, manifold
from .piecewise_linear.periodic_orbit import MarginalSet, PeriodicOrbit, PeriodicOrbits
from .piecewise_linear.protocol import PiecewiseLinearMap
from .piecewise_linear.region_tangent_map import region_tangent_map
from .piecewise_linear.smooth_points import SmoothPoint, SmoothPoints, smooth_points
from .piecewise_linear.surroundings import Place, against_data, basin_fraction
from .protocol import DrivenTangentMap, FreeRun, Reconstruction, TangentMap
from .scorecard.describe import describe
from .scorecard.diagnosis import Finding, diagnose
from .scorecard.floor import score_floor
from .scorecard.judge import judge
from .scorecard.normalised import indistinguishable, normalised_score
from .scorecard.outcome import Outcome
from .scorecard.rows import Judgement, Row
from .surrogates import gaussian_noise, phase_surrogate
from .symbols.block_entropy import BlockEntropies, block_entropies, entropy_rate, longest_sampled_word
from .symbols.dwell_times import DwellTimes, dwell_times
from .symbols.implied_time_scales import ImpliedTimeScales, implied_time_scales
from .symbols.kneading import (
    compare_itineraries,
    is_admissible,
    kneading_entropy,
    kneading_sequence,
    kneading_sequence_of_map,
)
from .symbols.markov_state_model import MarkovStateModel, markov_state_model
from .symbols.maxima_partition import critical_point, maxima_symbols, side_symbols
from .symbols.partition_divergence import partition_divergence
from .symbols.region_codes import region_codes, region_symbols
from .symbols.region_count import GateElbow, OccupancyCurve, gate_elbow, occupancy_curve
from .symbols.sequence import SymbolSequence, as_symbol_sequence
from .symbols.state_partition import StatePartition, fit_partition
from .symbols.topological_entropy import TopologicalEntropy, topological_entropy
from .symbols.transitions import Edge, TransitionMatrix, embedded_chain, transition_matrix
from .symbols.word_divergence import word_divergence, word_divergence_floor
from .symbols.words import ForbiddenWord, WordCounts, forbidden_words, word_counts
from .temporal.cross_prediction import cross_prediction_error
from .temporal.error_growth import ErrorGrowth, error_growth
from .temporal.forecast_metrics import forecast_metrics
from .temporal.ground_truth import GroundTruthTime, ground_truth_time
from .temporal.lag_curves import LagCurve, autocorrelation_curve, mutual_information_curve
from .temporal.permutation_entropy import PermutationEntropy, permutation_entropy
from .temporal.prediction import prediction_error, valid_prediction_time
from .temporal.sample_entropy import sample_entropy
from .temporal.zero_one_test import ZeroOneTest, zero_one_test

__all__ = [
    "AveragedFalseNeighbours",
    "Bifurcations",
    "BlockEntropies",
    "Branch",
    "CorrelationDimension",
    "CorrelationSum",
    "CovariantVectors",
    "DivergenceCurve",
    "DrivenTangentMap",
    "DwellTimes",
    "Edge",
    "Embedding",
    "ErrorGrowth",
    "Event",
    "Finding",
    "ForbiddenWord",
    "FreeRun",
    "GateElbow",
    "GeneralisedDimensions",
    "GroundTruthTime",
    "ImpliedTimeScales",
    "Judgement",
    "LagCurve",
    "LocalExponents",
    "LyapunovSpectrum",
    "Manifold",
    "MarginalSet",
    "MarkovStateModel",
    "MemberExponents",
    "NonUniformEmbedding",
    "OccupancyCurve",
    "Outcome",
    "PeriodicOrbit",
    "PeriodicOrbits",
    "PermutationEntropy",
    "PersistenceDiagram",
    "PiecewiseLinearMap",
    "Place",
    "PoincareSection",
    "Reconstruction",
    "RecurrenceQuantification",
    "ReturnMap",
    "Row",
    "SmoothPoint",
    "SmoothPoints",
    "SpectrumCheck",
    "StatePartition",
    "SuccessiveMaxima",
    "SymbolSequence",
    "TangentMap",
    "TopologicalEntropy",
    "TransitionMatrix",
    "WordCounts",
    "ZeroOneTest",
    "against_data",
    "as_symbol_sequence",
    "autocorrelation_curve",
    "averaged_false_neighbours",
    "basin_fraction",
    "bifurcations",
    "block_entropies",
    "check_spectrum",
    "choose_embedding",
    "compare_itineraries",
    "conditional_exponents",
    "correlation_dimension",
    "correlation_sum",
    "covariant_vectors",
    "critical_point",
    "cross_prediction_error",
    "cycles",
    "d_h",
    "d_stsp",
    "delay_embed",
    "delay_embed_columns",
    "describe",
    "diagnose",
    "diagram_distance",
    "divergence_curve",
    "dwell_times",
    "embedded_chain",
    "energy_distance",
    "entropy_rate",
    "error_growth",
    "false_nearest_neighbours",
    "fit_partition",
    "fixed_points",
    "forbidden_words",
    "forecast_metrics",
    "gate_elbow",
    "gaussian_noise",
    "generalised_dimensions",
    "ground_truth_time",
    "hausdorff_distance",
    "implied_time_scales",
    "indistinguishable",
    "is_admissible",
    "judge",
    "kantz_curve",
    "kaplan_yorke_dimension",
    "kneading_entropy",
    "kneading_sequence",
    "kneading_sequence_of_map",
    "local_exponents",
    "longest_sampled_word",
    "lyapunov_spectrum",
    "manifold",
    "markov_state_model",
    "max_lyapunov_from_data",
    "maxima_symbols",
    "maximum_mean_discrepancy",
    "member_exponents",
    "mmd",
    "mutual_information_curve",
    "normalised_score",
    "occupancy_curve",
    "orbits_from_returns",
    "partition_divergence",
    "pecuzal",
    "permutation_entropy",
    "persistence_diagram",
    "persistence_distance",
    "pesin_entropy",
    "phase_surrogate",
    "poincare_section",
    "power_spectrum_error",
    "prediction_error",
    "recurrence_quantification",
    "region_codes",
    "region_symbols",
    "region_tangent_map",
    "return_map",
    "return_map_distance",
    "sample_entropy",
    "score_floor",
    "side_symbols",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "smooth_points",
    "state_space_divergence",
    "state_space_divergence_gmm",
    "state_space_hellinger",
    "state_space_jensen_shannon",
    "successive_maxima",
    "support_overlap",
    "topological_entropy",
    "transition_matrix",
    "valid_prediction_time",
    "word_counts",
    "word_divergence",
    "word_divergence_floor",
    "zero_one_test",
]
