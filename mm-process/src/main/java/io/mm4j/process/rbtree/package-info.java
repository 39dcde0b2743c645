// SPDX-License-Identifier: Apache-2.0

/** The VMA index of Linux 2.4 to 6.0: sorted list, red-black tree, mmap_cache. */
@NullMarked
package io.mm4j.process.rbtree;

import org.jspecify.annotations.NullMarked;
