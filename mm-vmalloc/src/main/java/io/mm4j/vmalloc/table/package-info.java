// SPDX-License-Identifier: Apache-2.0

/** Tables in frames: roots, the cursor, the direct map of the kernel. */
@NullMarked
package io.mm4j.vmalloc.table;

import org.jspecify.annotations.NullMarked;
