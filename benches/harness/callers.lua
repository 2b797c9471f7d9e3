-- What wrk sends: each request in the name of the next caller, in turn.
--
--   wrk … -s callers.lua URL -- TOKENS FIRST STEP CALLERS METHOD PATH BODY_BYTES
--
-- The callers are the users FIRST, FIRST + STEP, …; TOKENS has their tokens, one of 40 characters on each line.

local requests, next_request = {}, 0

function init(args)
  local tokens = assert(io.open(args[1]))
  local first, step, callers = tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  local method, path, bytes = args[5], args[6], tonumber(args[7])
  local body = bytes > 0 and '{"shots":1000,"circuit":"' .. string.rep("h", bytes - 27) .. '"}' or nil
  for place = 0, callers - 1 do
    local number = first + place * step
    tokens:seek("set", number * 41)
    local headers = { ["Authorization"] = "Bearer " .. tokens:read(40), ["X-Caller"] = string.format("%07d", number) }
    if body then headers["Content-Type"] = "application/json" end
    requests[place + 1] = wrk.format(method, path, headers, body)
  end
  tokens:close()
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    'RESULT {"count":%d,"seconds":%.6f,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    failed.connect + failed.read + failed.write + failed.status + failed.timeout
  ))
end
