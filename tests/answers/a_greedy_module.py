"""What a worker process of the pool's tests is asked to do."""


def swell(request):
    return {"bytes": len(bytearray(request["mib"] << 20))}
