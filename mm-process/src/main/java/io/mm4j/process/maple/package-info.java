// SPDX-License-Identifier: Apache-2.0

/** The VMA index in the shape of Linux 6.1 and later: a B-tree of ranges with gaps. */
@NullMarked
package io.mm4j.process.maple;

import org.jspecify.annotations.NullMarked;
