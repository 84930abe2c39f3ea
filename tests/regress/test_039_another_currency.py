"""039: a home that was started again with another `currency` showed what had
been paid in the old one as paid in the new.  Now it is refused, as another
number of partitions is.
"""


def test_039_currency_is_fixed_once_a_store_is_made(make_pipeline):
    pipeline = make_pipeline().start()
    order = pipeline.order(5, 1)
    assert pipeline.ended(order)["currency"] == "USD"
    pipeline.stop()
    pipeline.knobs["currency"] = "EUR"
    result = pipeline.script("start-all.sh")
    assert result.returncode == 100, result
    assert "currency is fixed once a store is made" in result.stderr, result
    assert "store=USD" in result.stderr
    assert "dangling" not in pipeline.log("payment")
    pipeline.knobs["currency"] = "USD"
    pipeline.start()
    assert pipeline.json(f"/orders/{order}")["currency"] == "USD"
