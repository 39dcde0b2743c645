// SPDX-License-Identifier: Apache-2.0

/** The allocators of early boot: memblock, and bootmem as in Linux 2.4. */
@NullMarked
package io.mm4j.physical.boot;

import org.jspecify.annotations.NullMarked;
