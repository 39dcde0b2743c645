// SPDX-License-Identifier: Apache-2.0

/** The reference page and frame allocators. */
@NullMarked
package io.mm4j.buddy;

import org.jspecify.annotations.NullMarked;
