from vaebench.checks import conformance


@conformance("linear-vae")
def test_linear_vae(check):
    check()


@conformance("rings")
def test_rings(check):
    check()


@conformance("worst-pixel")
def test_worst_pixel(check):
    check()
