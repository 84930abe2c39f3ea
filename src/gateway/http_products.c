#include "gateway/http_products.h"

#include "gateway/http_body.h"
#include "gateway/http_rows.h"

void
product_prepare_get(struct http_call *call)
{
    call->request->product.value = call->id;
}

void
product_prepare_put(struct http_call *call)
{
    enum { PRICE, COUNT };
    static const struct body_field fields[COUNT] = {
        [PRICE] = { "price", BODY_AMOUNT, true },
    };
    struct body_value values[COUNT];

    body_parse(call->body, call->body_bytes, fields, COUNT, values,
               &call->problem);
    if (values[PRICE].amount.minor == 0)
        problem_set(&call->problem, PROBLEM_FIELD_RANGE, "price",
                    "price must be above 0");
    call->request->product.value = call->id;
    call->request->amount = values[PRICE].amount;
}

void
product_reply(struct http_call *call)
{
    const struct request *request = call->request;
    const struct product_row row = { request->product, request->amount };

    call->status = request->created ? 201 : 200;
    row_write_product(&call->text, &row);
}
