#pragma once

/// The text of openapi.yaml, as it was when this was built.
const unsigned char *copenapi_bytes(void);

/// Its length.
unsigned long copenapi_byte_count(void);
