module onemcp/bench

go 1.26.0
