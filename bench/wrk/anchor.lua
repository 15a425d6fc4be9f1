-- Single anchors, each with a new hash of seed, thread and counter in hexadecimal. Arguments: seed (16 digits), API key.
local count, threads = 0, 0
function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end
function init(args)
  seed = args[1]
  wrk.headers["x-api-key"] = args[2]
  wrk.headers["Content-Type"] = "application/json"
  rest = string.rep("0", 96)
end
function request()
  count = count + 1
  -- The first digits are scattered like those of real hashes.
  local hash = string.format("%08x%s%04x%04x", (count * 2654435761) % 4294967296, seed, id, count % 65536)
  hash = hash .. string.format("%08x", count) .. string.sub(rest, 1, 88)
  local body = '{"hash":"' .. hash .. '","size":12345,"name":"scan_1944.tif","metadata":"{}"}'
  return wrk.format("POST", "/v1/media/anchor", nil, body)
end
