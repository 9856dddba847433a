def plaquette_chern(model, n):
    steps = np.arange(n + 1) / n
    k = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1) @ model.lattice.reciprocal
    u = ck.solve(model, k).states[..., 0]
    fluxes = plaquette_flux(u[:-1, :-1], u[1:, :-1], u[1:, 1:], u[:-1, 1:])
    return round(fluxes.sum() / (2 * np.pi)
