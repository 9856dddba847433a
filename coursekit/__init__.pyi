from . import dynamics as dynamics
from . import finite as finite
from . import models as models
from . import plotting as plotting
from .bands import Bands as Bands
from .bands import solve as solve
from .bloch_model import BlochModel as BlochModel
from .checks import check as check
from .dynamics import anomalous_velocity as anomalous_velocity
from .dynamics import phase_space_density as phase_space_density
from .errors import ConvergenceError as ConvergenceError
from .errors import DegenerateBandsError as DegenerateBandsError
from .errors import GapClosedError as GapClosedError
from .geometry import berry_curvature as berry_curvature
from .geometry import orbital_moment as orbital_moment
from .lattice import Lattice as Lattice
from .lattice import k_path as k_path
from .lattice import uniform_mesh as uniform_mesh
from .response import Streda as Streda
from .response import anomalous_hall as anomalous_hall
from .response import electron_density as electron_density
from .response import orbital_magnetization as orbital_magnetization
from .response import streda as streda
from .tight_binding import TightBinding as TightBinding
from .topology import chern_number as chern_number

__version__: str
