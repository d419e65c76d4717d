"""torch's settings for a training whose bits repeat, and those of the caller after it."""

import contextlib

import torch

__all__ = ["reproducible"]


@contextlib.contextmanager
def reproducible(config, device):
    """Seed and threads of ``config``, and deterministic algorithms; in the end the random numbers
    and every setting are the caller's again."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    # A GPU's short format would round the grid's wider integers.
    exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
    with torch.random.fork_rng(), exact:
        torch.manual_seed(config.seed)
        torch.set_num_threads(config.threads)
        # A GPU's matrix products repeat only under a setting made before the process starts.
        torch.use_deterministic_algorithms(True, warn_only=device != "cpu")
        # A tenth of a step on a CPU, for memory that nothing here reads before it writes.
        torch.utils.deterministic.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)
            torch.utils.deterministic.fill_uninitialized_memory = fill
