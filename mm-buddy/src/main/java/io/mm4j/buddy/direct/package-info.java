// SPDX-License-Identifier: Apache-2.0

/** The page allocator {@code direct}: straight to the zones, without reserves or per-cpu lists. */
@NullMarked
package io.mm4j.buddy.direct;

import org.jspecify.annotations.NullMarked;
