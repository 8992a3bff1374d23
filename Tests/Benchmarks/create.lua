-- For wrk: creates switches, each with a name of its own, beginning with the script's argument.
local count = 0

function init(arguments) prefix = arguments[1] end

function request()
    count = count + 1
    local body = '{"name":"' .. prefix .. "-" .. count .. '"}'
    return wrk.format("POST", "/v1/switches", { ["Content-Type"] = "application/json" }, body)
end
