-- post.lua - wrk posts orders: product 1, a random one of USERS users
--
-- LINES above 1: so many orders in each request, as application/x-ndjson.
-- Each thread draws from its own seed, and the requests are made once, so that
-- wrk itself costs as little as it can.

local users = tonumber(os.getenv("USERS") or "1000")
local first = tonumber(os.getenv("FIRST_USER") or "1001")
local lines = tonumber(os.getenv("LINES") or "1")
local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
    thread:set("number", #threads)
end

local function order(user)
    return string.format('{"userId":%d,"productId":1}', user)
end

local function single_orders()
    local headers = { ["Content-Type"] = "application/json" }
    for user = first, first + users - 1 do
        requests[#requests + 1] = wrk.format("POST", "/orders", headers,
                                             order(user))
    end
end

local function many_orders()
    local headers = { ["Content-Type"] = "application/x-ndjson" }
    for _ = 1, 500 do
        local body = {}
        for _ = 1, lines do
            body[#body + 1] = order(first + math.random(users) - 1) .. "\n"
        end
        requests[#requests + 1] = wrk.format("POST", "/orders", headers,
                                             table.concat(body))
    end
end

function init(arguments)
    math.randomseed(7919 * number)
    requests = {}
    if lines > 1 then
        many_orders()
    else
        single_orders()
    end
end

function request()
    return requests[math.random(#requests)]
end

-- One line that the benchmark reads.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        "bench requests=%d duration_us=%d max_us=%d refused=%d " ..
        "socket_errors=%d",
        summary.requests, summary.duration, latency.max, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
    for _, point in ipairs({ 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99 }) do
        io.write(string.format(" p%g_us=%d", point, latency:percentile(point)))
    end
    io.write("\n")
end
