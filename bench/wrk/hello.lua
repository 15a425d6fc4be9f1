-- The same request line, to a server that answers always the same.
function init(args)
  request_text = wrk.format("GET", "/v1/public/media/" .. string.rep("0", 128))
end
function request()
  return request_text
end
