/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space. sbdf: segment 31:16, bus 15:8, device and function
 * 7:0. Registers below 256 go through ports 0xcf8/0xcfc (segment 0), beyond
 * that through the memory-mapped space of ACPI's MCFG. One lock covers both
 * ports (rank LOCK_RANK_PCI, interrupts off). What is memory-mapped is mapped
 * for the access alone, with interrupts on, unless it was to be kept.
 */
#ifndef HV_PCI_H
#define HV_PCI_H

#include <hv/types.h>

/* bytes: 1, 2 or 4; reg aligned to it. Nothing there: all ones. */
uint32_t pci_config_read(uint32_t sbdf, unsigned int reg, unsigned int bytes);
void pci_config_write(uint32_t sbdf, unsigned int reg, unsigned int bytes,
                      uint32_t value);
/* From now on registers below 256 can be reached with interrupts off, too. Only
 * one CPU at a time may call it. -ENODEV, -ENOMEM. */
int pci_config_keep(uint32_t sbdf);
/* Offset of a capability (PCI Local Bus, "Capabilities List"), 0 if none. */
unsigned int pci_find_capability(uint32_t sbdf, uint8_t id);

#define PCI_CAP_SPACE 256 /* capabilities are below */
#define PCI_CAP_MSI   0x05
#define PCI_CAP_MSIX  0x11

#endif
