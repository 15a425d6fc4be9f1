-- GET /user. Argument: the token.
function init(args)
  wrk.headers["authorization"] = args[1]
  request_text = wrk.format("GET", "/user")
end
function request()
  return request_text
end
