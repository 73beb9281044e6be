"""Reconstruction models: one contract (`Model`), one file per family."""

from .alrnn import ALRNN
from .base import FreeRun, Model
from .baselines.climatology import Climatology
from .baselines.parroting import Parroting
from .baselines.persistence import Persistence
from .baselines.vector_autoregression import VectorAutoregression
from .continuous.continuous_alrnn import ContinuousALRNN
from .continuous.coupling import alpha_of, coupling
from .continuous.neural_ode import NeuralODE
from .delay import DelayModel
from .dendritic_plrnn import DendriticPLRNN
from .equations.adapters import from_pydmd, from_pysindy
from .equations.dynamic_modes import DynamicModes, ExtendedDynamicModes
from .equations.koopman_autoencoder import KoopmanAutoencoder
from .equations.sparse_dynamics import SparseDynamics
from .mean_centred_plrnn import MeanCentredPLRNN
from .memory import MemoryModel
from .observed import ObservedModel
from .plrnn import PLRNN
from .recurrent.antisymmetric import AntisymmetricRNN
from .recurrent.cornn import CoRNN
from .recurrent.delta_product import DeltaProduct
from .recurrent.elman import Elman
from .recurrent.gru import GRU
from .recurrent.lem import LEM
from .recurrent.lstm import LSTM
from .recurrent.orthogonal import OrthogonalRNN
from .registry import MODELS, ModelConfig, Range, config_of, name_of
from .reservoirs.echo_state import EchoStateNetwork
from .reservoirs.next_generation import NextGenerationReservoir
from .reservoirs.parallel_reservoirs import ParallelReservoirs
from .shallow_plrnn import ShallowPLRNN
from .state_space.lru import LRU
from .state_space.lssl import LSSL
from .state_space.s4 import S4
from .state_space.s4d import S4D
from .state_space.s5 import S5
from .stochastic.variational_plrnn import VariationalPLRNN
from .vanilla_plrnn import VanillaPLRNN

__all__ = [
    "ALRNN",
    "GRU",
    "LEM",
    "LRU",
    "LSSL",
    "LSTM",
    "MODELS",
    "PLRNN",
    "S4",
    "S4D",
    "S5",
    "AntisymmetricRNN",
    "Climatology",
    "CoRNN",
    "ContinuousALRNN",
    "DelayModel",
    "DeltaProduct",
    "DendriticPLRNN",
    "DynamicModes",
    "EchoStateNetwork",
    "Elman",
    "ExtendedDynamicModes",
    "FreeRun",
    "KoopmanAutoencoder",
    "MeanCentredPLRNN",
    "MemoryModel",
    "Model",
    "ModelConfig",
    "NeuralODE",
    "NextGenerationReservoir",
    "ObservedModel",
    "OrthogonalRNN",
    "ParallelReservoirs",
    "Parroting",
    "Persistence",
    "Range",
    "ShallowPLRNN",
    "SparseDynamics",
    "VanillaPLRNN",
    "VariationalPLRNN",
    "VectorAutoregression",
    "alpha_of",
    "config_of",
    "coupling",
    "from_pydmd",
    "from_pysindy",
    "name_of",
]
