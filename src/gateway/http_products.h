/*
 * http_products.h - handlers of one product, for the table of routes
 */
#ifndef GATEWAY_HTTP_PRODUCTS_H
#define GATEWAY_HTTP_PRODUCTS_H

#include "gateway/http_call.h"

void product_prepare_get(struct http_call *call);
void product_prepare_put(struct http_call *call);
/* 200, or 201 if the product is new. */
void product_reply(struct http_call *call);

#endif
