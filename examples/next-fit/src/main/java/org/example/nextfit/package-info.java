// SPDX-License-Identifier: Apache-2.0

/** Next fit, as a third party's frame allocator. */
@NullMarked
package org.example.nextfit;

import org.jspecify.annotations.NullMarked;
