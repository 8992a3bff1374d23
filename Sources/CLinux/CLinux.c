// The target is its headers; this file lets the compiler check them as C.
#include "CLinux.h"
