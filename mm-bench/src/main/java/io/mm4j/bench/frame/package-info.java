// SPDX-License-Identifier: Apache-2.0

/** Frames and pages: the allocators beside an array push and pop, and the same algorithm in C. */
@NullMarked
package io.mm4j.bench.frame;

import org.jspecify.annotations.NullMarked;
