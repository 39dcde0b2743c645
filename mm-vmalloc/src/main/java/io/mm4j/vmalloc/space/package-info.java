// SPDX-License-Identifier: Apache-2.0

/** The kernel's own mappings: vmalloc, ioremap, coherent memory, kmap, the fixmap. */
@NullMarked
package io.mm4j.vmalloc.space;

import org.jspecify.annotations.NullMarked;
