// SPDX-License-Identifier: Apache-2.0

/** What the array-based VMA indexes share: handles, bounds, argument checks. */
@NullMarked
package io.mm4j.process.index;

import org.jspecify.annotations.NullMarked;
