// SPDX-License-Identifier: Apache-2.0

/** The page allocator beside a bare array stack, and what its steps cost. */
@NullMarked
package io.mm4j.bench.page;

import org.jspecify.annotations.NullMarked;
