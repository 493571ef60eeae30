/* SPDX-License-Identifier: MIT */
/*
 * Between the two halves of the console.
 */
#ifndef CORE_CONSOLE_INPUT_H
#define CORE_CONSOLE_INPUT_H

#include <hv/console_sink.h>

void console_input_init(struct console_sink *const *sinks, unsigned int nr);
void console_release_screen(void);
void keys_init(void);

#endif
