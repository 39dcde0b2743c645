// SPDX-License-Identifier: Apache-2.0
/**
 * The process floor as replayers, commands and tests see it: an {@link
 * io.mm4j.api.process.AddressSpace} (the kernel's {@code mm_struct}) with the mmap family of system
 * calls, touches of single bytes, and what {@code /proc/PID/maps} and {@code smaps} would show.
 */
@NullMarked
package io.mm4j.api.process;

import org.jspecify.annotations.NullMarked;
