// SPDX-License-Identifier: Apache-2.0

/** Everything about {@code slab}. */
@NullMarked
package io.mm4j.testkit.slab;

import org.jspecify.annotations.NullMarked;
