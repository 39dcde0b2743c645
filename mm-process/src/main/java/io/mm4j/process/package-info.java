// SPDX-License-Identifier: Apache-2.0
/** The process floor: Linux's address spaces, as found by {@code ServiceLoader}. */
@NullMarked
package io.mm4j.process;

import org.jspecify.annotations.NullMarked;
