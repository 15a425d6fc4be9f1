-- The same request line every time, for a server that always sends the same response.
function init(args)
  request_text = wrk.format("GET", "/v1/public/media/" .. string.rep("0", 128))
end
function request()
  return request_text
end
