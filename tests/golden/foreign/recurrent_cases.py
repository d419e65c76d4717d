"""Random networks whose first neurons have weights to themselves, with snnTorch's spikes."""

import numpy as np

__all__ = ["DT", "FRAMES", "TIMESTEPS", "Recurrent"]

DT, TIMESTEPS, FRAMES = 1e-4, 6, 12


class Recurrent:
    """Random networks of two layers, 5-4-3, the first of ``snn.RSynaptic`` or ``snn.RLeaky``."""

    def __init__(self, seed, *, alpha, beta, reset, bias=True):
        draw = np.random.default_rng(seed)
        self.alpha, self.beta, self.reset = alpha, beta, reset
        self.first, self.back, self.second = (draw.integers(-1, 6, shape).astype(float)
                                              for shape in ((4, 5), (4, 4), (3, 4)))
        self.bias = draw.integers(-1, 2, 4).astype(float) if bias else None
        self.input = (draw.random((TIMESTEPS, FRAMES, 5)) < 0.5).astype(np.int64)
        self.spikes = self.run()

    def run(self):
        """``RSynaptic.forward``: syn = alpha syn + input + recurrent(spk), mem = beta mem + syn
        less what the reset of the step before takes; ``RLeaky`` has no syn.  ``Leaky`` follows."""
        spk, syn, mem = np.zeros((3, FRAMES, 4))
        bias = 0.0 if self.bias is None else self.bias
        last, out = np.zeros((FRAMES, 3)), ([], [])
        for events in self.input:
            fired = (mem > 6.0).astype(float)
            current = events @ self.first.T + spk @ self.back.T + bias
            syn = (self.alpha or 0.0) * syn + current
            mem = self.beta * mem + syn
            mem = mem - fired * {"subtract": 6.0, "zero": mem, "none": 0.0}[self.reset]
            spk = (mem > 6.0).astype(float)
            fired = (last > 6.0).astype(float)
            # Leaky's reset to zero takes away the old membrane, not the current.
            kept = last * (1 - fired) if self.reset == "zero" else last
            last = 0.5 * kept + spk @ self.second.T - (6.0 * fired if self.reset == "subtract"
                                                       else 0.0)
            out[0].append(spk)
            out[1].append((last > 6.0).astype(float))
        return tuple(np.stack(spikes).astype(np.int64) for spikes in out)

    def neurons(self, nir, size, alpha, beta):
        def full(value):
            return np.full(size, value, np.float32)
        common = {"v_leak": full(0), "v_threshold": full(6.0), "v_reset": full(0),
                  "r": full(np.inf if beta == 1 else 1 / (1 - beta))}
        tau = full(np.inf if beta == 1 else DT / (1 - beta))
        if alpha is None:
            return nir.LIF(tau=tau, **common)
        return nir.CubaLIF(tau_mem=tau, tau_syn=full(DT / (1 - alpha)), w_in=full(1 / (1 - alpha)),
                           **common)

    def graph(self, nir, nested=True):
        lif = self.neurons(nir, 4, self.alpha, self.beta)
        w_rec = nir.Linear(self.back) if self.bias is None else nir.Affine(self.back, self.bias)
        loop = [("lif", "w_rec"), ("w_rec", "lif")]
        nodes = {"input": nir.Input(np.array([5])), "0": nir.Linear(self.first),
                 "2": nir.Linear(self.second), "3": self.neurons(nir, 3, None, 0.5),
                 "output": nir.Output(np.array([3]))}
        if nested:
            ends = {"input": nir.Input(np.array([4])), "output": nir.Output(np.array([4]))}
            nodes["1"] = nir.NIRGraph(
                nodes=ends | {"lif": lif, "w_rec": w_rec}, type_check=False,
                edges=[("input", "lif"), *loop, ("lif", "output")])
            return nodes, [("input", "0"), ("0", "1"), ("1", "2"), ("2", "3"), ("3", "output")]
        return nodes | {"lif": lif, "w_rec": w_rec}, [
            ("input", "0"), ("0", "lif"), *loop, ("lif", "2"), ("2", "3"), ("3", "output")]
