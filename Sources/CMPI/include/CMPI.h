#ifndef ESPALIER_CMPI_H
#define ESPALIER_CMPI_H
#endif
