#ifndef SECUREMESH_CSODIUM_SHIM_H
#define SECUREMESH_CSODIUM_SHIM_H
#include <sodium.h>
#endif
