#include "COpenAPI.h"

// The compiler keeps track of the file: a change of it rebuilds this.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char contract[] = {
#embed "../../openapi.yaml"
};

const unsigned char *copenapi_bytes(void) { return contract; }

unsigned long copenapi_byte_count(void) { return sizeof contract; }
