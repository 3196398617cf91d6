//! The members of an event's object that mean something, by the names they have on the wire.

/// A member this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    UserId,
    SessionId,
    Timestamp,
    EventType,
    PageUrl,
    ProductId,
    ProductName,
    ProductBrand,
    ProductPrice,
    Category,
    Browser,
    Os,
    DeviceType,
    ReferralSource,
    GeoCountry,
    GeoCity,
    IpAddress,
    IsNewUser,
    CartSize,
    EventId,
    TransactionId,
    OrderId,
    UserAgent,
}

impl Field {
    pub(super) const COUNT: usize = Field::UserAgent as usize + 1;

    /// In the order of the variants.
    const NAMES: [&str; Field::COUNT] = [
        "user_id",
        "session_id",
        "timestamp",
        "event_type",
        "page_url",
        "product_id",
        "product_name",
        "product_brand",
        "product_price",
        "category",
        "browser",
        "os",
        "device_type",
        "referral_source",
        "geo_country",
        "geo_city",
        "ip_address",
        "is_new_user",
        "cart_size",
        "event_id",
        "transaction_id",
        "order_id",
        "user_agent",
    ];

    pub(super) fn name(self) -> &'static str {
        Field::NAMES[self as usize]
    }

    /// By the bytes of a name, which need not be UTF-8.
    pub(super) fn from_name(name: &[u8]) -> Option<Field> {
        Some(match name {
            b"user_id" => Field::UserId,
            b"session_id" => Field::SessionId,
            b"timestamp" => Field::Timestamp,
            b"event_type" => Field::EventType,
            b"page_url" => Field::PageUrl,
            b"product_id" => Field::ProductId,
            b"product_name" => Field::ProductName,
            b"product_brand" => Field::ProductBrand,
            b"product_price" => Field::ProductPrice,
            b"category" => Field::Category,
            b"browser" => Field::Browser,
            b"os" => Field::Os,
            b"device_type" => Field::DeviceType,
            b"referral_source" => Field::ReferralSource,
            b"geo_country" => Field::GeoCountry,
            b"geo_city" => Field::GeoCity,
            b"ip_address" => Field::IpAddress,
            b"is_new_user" => Field::IsNewUser,
            b"cart_size" => Field::CartSize,
            b"event_id" => Field::EventId,
            b"transaction_id" => Field::TransactionId,
            b"order_id" => Field::OrderId,
            b"user_agent" => Field::UserAgent,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fields_agree() {
        for (position, name) in Field::NAMES.into_iter().enumerate() {
            let field = Field::from_name(name.as_bytes()).expect(name);
            assert_eq!((field as usize, field.name()), (position, name));
        }
        assert_eq!(Field::from_name(b"USER_ID"), None);
    }
}
