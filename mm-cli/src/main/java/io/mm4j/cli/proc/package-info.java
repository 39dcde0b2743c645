// SPDX-License-Identifier: Apache-2.0

/** The files under {@code /proc} and {@code /sys}, in the kernel's exact formats. */
@NullMarked
package io.mm4j.cli.proc;

import org.jspecify.annotations.NullMarked;
